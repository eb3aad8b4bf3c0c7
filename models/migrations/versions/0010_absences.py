"""people are away, and somebody stands in for them; a link knows whose seat it was written for"""

from alembic import op
import sqlalchemy as sa
import sqlmodel


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('absence',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint('until >= since', name=op.f('ck_absence_order')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_absence_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_absence'))
    )
    with op.batch_alter_table('absence', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_absence_person_id'), ['person_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_absence_until'), ['until'], unique=False)

    # Links of mail that went out before name their reader alone, who held the seat then.
    with op.batch_alter_table('answer_link', schema=None) as batch_op:
        batch_op.add_column(sa.Column('holder_id', sa.Integer(), nullable=True))
    op.execute('UPDATE answer_link SET holder_id = person_id')
    with op.batch_alter_table('answer_link', schema=None) as batch_op:
        batch_op.alter_column('holder_id', nullable=False)
        batch_op.create_foreign_key(batch_op.f('fk_answer_link_holder_id_person'), 'person', ['holder_id'], ['id'])


def downgrade() -> None:
    with op.batch_alter_table('answer_link', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_answer_link_holder_id_person'), type_='foreignkey')
        batch_op.drop_column('holder_id')
    op.drop_table('absence')
