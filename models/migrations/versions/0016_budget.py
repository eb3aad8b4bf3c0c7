"""a person's week has a budget and a run a cap: what waits until when, and what is parked for an operator"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from models.migrations.checks import allow


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold', 'snoozed', 'by_operator', 'fulfilled',
    'holder_left', 'restored', 'nothing_to_say',
)


def upgrade() -> None:
    word = sqlmodel.sql.sqltypes.AutoString
    state = sa.Enum(
        'parked', 'released', 'cancelled', name='state', native_enum=False, create_constraint=True, length=24
    )
    op.create_table('parked_batch',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('state', state, nullable=False),
    sa.Column('emails', sa.Integer(), nullable=False),
    sa.Column('notices', sa.Integer(), nullable=False),
    sa.Column('settled_by', word(), nullable=True),
    sa.Column('settled_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint("(state = 'parked') = (settled_by IS NULL)", name=op.f('ck_parked_batch_settled')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_parked_batch'))
    )
    allow('notice', 'reason', (*REASONS, 'over_budget'))
    with op.batch_alter_table('notice') as batch:
        batch.add_column(sa.Column('waits_until', sa.Date(), nullable=True))
        batch.add_column(sa.Column('batch_id', sa.Integer(), nullable=True))
        batch.create_foreign_key(batch.f('fk_notice_batch_id_parked_batch'), 'parked_batch', ['batch_id'], ['id'])
        batch.create_index(batch.f('ix_notice_batch_id'), ['batch_id'])


def downgrade() -> None:
    with op.batch_alter_table('notice') as batch:
        batch.drop_index(batch.f('ix_notice_batch_id'))
        batch.drop_constraint(batch.f('fk_notice_batch_id_parked_batch'), type_='foreignkey')
        batch.drop_column('batch_id')
        batch.drop_column('waits_until')
    allow('notice', 'reason', REASONS)
    op.drop_table('parked_batch')
