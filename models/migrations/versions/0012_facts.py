"""all facts of an enrollment are found by an index, valid or void"""

import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

VOID = sa.text('voided_at IS NOT NULL')


def upgrade() -> None:
    op.drop_index('ix_milestone_voided', 'milestone')
    op.create_index(op.f('ix_milestone_enrollment_id'), 'milestone', ['enrollment_id'])


def downgrade() -> None:
    op.drop_index(op.f('ix_milestone_enrollment_id'), 'milestone')
    op.create_index('ix_milestone_voided', 'milestone', ['enrollment_id'], sqlite_where=VOID, postgresql_where=VOID)
