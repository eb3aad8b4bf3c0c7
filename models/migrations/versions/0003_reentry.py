"""stages are entered again, decisions go against an agency, rules skip what is too late; staff, which fees are by"""

from alembic import op
import sqlalchemy as sa

from models.migrations.checks import allow


revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

ENDS = ['open', 'awarded', 'withdrawn', 'removed', 'lapsed']
REASONS = ['before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed', 'rule_dropped', 'undeliverable']


def upgrade() -> None:
    op.add_column('agency', sa.Column('staff', sa.Integer(), nullable=True))
    op.add_column('enrollment', sa.Column('reentered_on', sa.Date(), nullable=True))
    allow('enrollment', 'status', [*ENDS, 'not_awarded'])
    allow('stage_change', 'status', [*ENDS, 'not_awarded'])
    allow('notice', 'reason', [*REASONS, 'skipped', 'date_passed'])


def downgrade() -> None:
    allow('notice', 'reason', REASONS)
    allow('stage_change', 'status', ENDS)
    allow('enrollment', 'status', ENDS)
    op.drop_column('enrollment', 'reentered_on')
    op.drop_column('agency', 'staff')
