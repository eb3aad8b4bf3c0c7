"""sweeps count the cases that a verdict sent back; steps that fell with a fact are found by an index"""

import sqlalchemy as sa
from alembic import op


revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

FELL = sa.text('takes_back IS NOT NULL')


def upgrade() -> None:
    op.add_column('sweep', sa.Column('sent_back', sa.Integer(), nullable=False, server_default='0'))
    op.create_index(
        'ix_stage_change_taken_back', 'stage_change', ['decided_on'], sqlite_where=FELL, postgresql_where=FELL
    )


def downgrade() -> None:
    op.drop_index('ix_stage_change_taken_back', 'stage_change')
    op.drop_column('sweep', 'sent_back')
