"""mails of the week: notices about people, an email of their own kind"""

from models.migrations.checks import allow


revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None

REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold', 'snoozed', 'by_operator', 'fulfilled',
    'holder_left', 'restored',
)
SUBJECTS = ('enrollment', 'agency', 'region', 'program')
KINDS = ('digest', 'escalation')


def upgrade() -> None:
    allow('notice', 'reason', (*REASONS, 'nothing_to_say'))
    allow('notice', 'subject_kind', (*SUBJECTS, 'person'))
    allow('email', 'kind', (*KINDS, 'weekly'))


def downgrade() -> None:
    allow('notice', 'reason', REASONS)
    allow('notice', 'subject_kind', SUBJECTS)
    allow('email', 'kind', KINDS)
