"""whoever put a rule off can end that by a link of its own"""

from alembic import op

from models.migrations.checks import allow


revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None

PURPOSES = ('acknowledge', 'snooze', 'done', 'left')


def upgrade() -> None:
    allow('answer_link', 'purpose', (*PURPOSES, 'resume'))


def downgrade() -> None:
    op.execute("DELETE FROM answer_link WHERE purpose = 'resume'")
    allow('answer_link', 'purpose', PURPOSES)
