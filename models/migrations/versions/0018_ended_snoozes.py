"""a snooze that was ended early says on which day, by whom and why"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from models.migrations.checks import altered


revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

ENDED = '(ended_on IS NULL) = (ended_by IS NULL)'


def upgrade() -> None:
    word = sqlmodel.sql.sqltypes.AutoString
    with altered('snooze', {'ended': ENDED}) as batch:
        batch.add_column(sa.Column('ended_on', sa.Date(), nullable=True))
        batch.add_column(sa.Column('ended_by', word(), nullable=True))
        batch.add_column(sa.Column('ended_why', word(), nullable=True))


def downgrade() -> None:
    # Taken back on its first day: without the columns it would hold.
    op.execute('DELETE FROM snooze WHERE ended_on <= since')
    with altered('snooze', {'ended': None}) as batch:
        for column in ('ended_why', 'ended_by', 'ended_on'):
            batch.drop_column(column)
