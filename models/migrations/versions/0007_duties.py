"""duties: what fulfilled a notice or an escalation, and whose holder left"""

from models.migrations.checks import allow


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold', 'snoozed', 'by_operator',
)
CLOSINGS = (
    'activity', 'stage_left', 'recovered', 'filled', 'deadline_moved', 'case_ended', 'rule_dropped', 'on_hold',
    'retracted', 'reachable',
)


def upgrade() -> None:
    allow('notice', 'reason', (*REASONS, 'fulfilled', 'holder_left'))
    allow('escalation', 'closing', (*CLOSINGS, 'fulfilled', 'holder_left'))


def downgrade() -> None:
    allow('escalation', 'closing', CLOSINGS)
    allow('notice', 'reason', REASONS)
