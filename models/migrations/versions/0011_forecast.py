"""forecast: fits with their tables, what they said of enrollments, the pace of each"""

from alembic import op
import sqlalchemy as sa
import sqlmodel


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment, word = sqlmodel.sql.sqltypes.UTCDateTime, sqlmodel.sql.sqltypes.AutoString
    op.create_table('forecast_fit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('policy_version_id', sa.Integer(), nullable=False),
    sa.Column('finished', sa.Integer(), nullable=False),
    sa.Column('parameters', sa.JSON(), nullable=False),
    sa.Column('outlook', sa.Text(), nullable=False),
    sa.Column('digest', word(), nullable=False),
    sa.Column('recorded_at', moment(), nullable=False),
    sa.ForeignKeyConstraint(['policy_version_id'], ['policy_version.id'], name=op.f('fk_forecast_fit_policy_version_id_policy_version')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_forecast_fit'))
    )
    op.create_table('forecast',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('enrollment_id', sa.Integer(), nullable=False),
    sa.Column('forecast_fit_id', sa.Integer(), nullable=False),
    sa.Column('as_of', sa.Date(), nullable=False),
    sa.Column('in_window', sa.Integer(), nullable=True),
    sa.Column('in_limit', sa.Integer(), nullable=True),
    sa.Column('p10', sa.Date(), nullable=True),
    sa.Column('p50', sa.Date(), nullable=True),
    sa.Column('p90', sa.Date(), nullable=True),
    sa.Column('risk', sa.Enum('on_track', 'at_risk', 'overdue', 'ended', name='risk', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('pace', sa.Float(), nullable=False),
    sa.Column('recorded_at', moment(), nullable=False),
    sa.CheckConstraint('in_window BETWEEN 0 AND 100', name=op.f('ck_forecast_in_window')),
    sa.CheckConstraint('in_limit BETWEEN 0 AND 100', name=op.f('ck_forecast_in_limit')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollment.id'], name=op.f('fk_forecast_enrollment_id_enrollment')),
    sa.ForeignKeyConstraint(['forecast_fit_id'], ['forecast_fit.id'], name=op.f('fk_forecast_forecast_fit_id_forecast_fit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_forecast')),
    sa.UniqueConstraint('enrollment_id', 'forecast_fit_id', 'as_of', name=op.f('uq_forecast_enrollment_id_forecast_fit_id_as_of'))
    )
    with op.batch_alter_table('enrollment') as batch:
        batch.add_column(sa.Column('pace', sa.Float(), server_default='0', nullable=False))
        batch.add_column(sa.Column('forecast_fit_id', sa.Integer(), nullable=True))
        batch.create_foreign_key(batch.f('fk_enrollment_forecast_fit_id_forecast_fit'), 'forecast_fit', ['forecast_fit_id'], ['id'])


def downgrade() -> None:
    with op.batch_alter_table('enrollment') as batch:
        batch.drop_constraint(batch.f('fk_enrollment_forecast_fit_id_forecast_fit'), type_='foreignkey')
        batch.drop_column('forecast_fit_id')
        batch.drop_column('pace')
    op.drop_table('forecast')
    op.drop_table('forecast_fit')
