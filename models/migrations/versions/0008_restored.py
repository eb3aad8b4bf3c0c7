"""what may have gone out after the backup that a database was restored from is held back"""

from models.migrations.checks import allow


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold', 'snoozed', 'by_operator', 'fulfilled',
    'holder_left',
)


def upgrade() -> None:
    allow('notice', 'reason', (*REASONS, 'restored'))


def downgrade() -> None:
    allow('notice', 'reason', REASONS)
