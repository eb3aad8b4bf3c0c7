"""the portfolio is counted from an index"""

from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_enrollment_portfolio', 'enrollment', ['status', 'risk', 'stage', 'cycle', 'stage_entered_on'])


def downgrade() -> None:
    op.drop_index('ix_enrollment_portfolio', 'enrollment')
