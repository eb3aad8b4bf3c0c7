"""a mail of the week that would say what the last one said is left out"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from models.migrations.checks import allow


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold', 'snoozed', 'by_operator', 'fulfilled',
    'holder_left', 'restored', 'nothing_to_say', 'over_budget',
)


def upgrade() -> None:
    allow('notice', 'reason', (*REASONS, 'nothing_new'))
    with op.batch_alter_table('email') as batch:
        batch.add_column(sa.Column('gist', sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('email') as batch:
        batch.drop_column('gist')
    op.execute("UPDATE notice SET reason = 'nothing_to_say' WHERE reason = 'nothing_new'")
    allow('notice', 'reason', REASONS)
