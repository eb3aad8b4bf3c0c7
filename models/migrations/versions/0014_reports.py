"""why indicators differ, which reports were handed in, which evidence packs were made"""

import sqlalchemy as sa
import sqlmodel
from alembic import op


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'variance_reason',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('quarter', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('indicator', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('reasons', sa.JSON(), nullable=False),
        sa.Column('reference', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('actor', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_variance_reason')),
    )
    op.create_index(op.f('ix_variance_reason_quarter'), 'variance_reason', ['quarter'])
    op.create_table(
        'report_filed',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('quarter', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('filed_on', sa.Date(), nullable=False),
        sa.Column('reference', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('actor', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_report_filed')),
        sa.UniqueConstraint('quarter', name=op.f('uq_report_filed_quarter')),
    )
    op.create_table(
        'evidence_pack',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('enrollment_id', sa.Integer(), nullable=False),
        sa.Column('head', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('entries', sa.Integer(), nullable=False),
        sa.Column('as_of', sa.Date(), nullable=False),
        sa.Column('known_on', sa.Date(), nullable=False),
        sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ['enrollment_id'], ['enrollment.id'], name=op.f('fk_evidence_pack_enrollment_id_enrollment')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_evidence_pack')),
        sa.UniqueConstraint('head', name=op.f('uq_evidence_pack_head')),
    )


def downgrade() -> None:
    op.drop_table('evidence_pack')
    op.drop_table('report_filed')
    op.drop_index(op.f('ix_variance_reason_quarter'), 'variance_reason')
    op.drop_table('variance_reason')
