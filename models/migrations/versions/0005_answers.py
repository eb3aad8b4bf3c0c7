"""answers: snoozes, proposals, the links of mails, the reason of an acknowledgement"""

from alembic import op
import sqlalchemy as sa
import sqlmodel

from models.migrations.checks import allow


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

REASONS = [
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold',
]


def upgrade() -> None:
    allow('notice', 'reason', [*REASONS, 'snoozed'])
    op.create_table('snooze',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('enrollment_id', sa.Integer(), nullable=False),
    sa.Column('assignment_id', sa.Integer(), nullable=False),
    sa.Column('rule', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=False),
    sa.Column('reason', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('actor', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint('until >= since', name=op.f('ck_snooze_order')),
    sa.ForeignKeyConstraint(['assignment_id'], ['assignment.id'], name=op.f('fk_snooze_assignment_id_assignment')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollment.id'], name=op.f('fk_snooze_enrollment_id_enrollment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_snooze'))
    )
    with op.batch_alter_table('snooze', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_snooze_enrollment_id'), ['enrollment_id'], unique=False)

    op.create_table('proposal',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.Enum('fact', 'left', name='kind', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('enrollment_id', sa.Integer(), nullable=True),
    sa.Column('assignment_id', sa.Integer(), nullable=True),
    sa.Column('milestone', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('occurred_on', sa.Date(), nullable=False),
    sa.Column('value', sa.Integer(), nullable=True),
    sa.Column('note', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('state', sa.Enum('open', 'confirmed', 'refused', name='state', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('settled_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
    sa.Column('settled_on', sa.Date(), nullable=True),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.CheckConstraint("(state = 'open') = (settled_by IS NULL)", name=op.f('ck_proposal_settled')),
    sa.CheckConstraint("kind <> 'fact' OR (enrollment_id IS NOT NULL AND milestone IS NOT NULL)", name=op.f('ck_proposal_fact')),
    sa.CheckConstraint("kind <> 'left' OR assignment_id IS NOT NULL", name=op.f('ck_proposal_left')),
    sa.ForeignKeyConstraint(['assignment_id'], ['assignment.id'], name=op.f('fk_proposal_assignment_id_assignment')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollment.id'], name=op.f('fk_proposal_enrollment_id_enrollment')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_proposal_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_proposal'))
    )
    op.create_table('answer_link',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('digest', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('purpose', sa.Enum('acknowledge', 'snooze', 'done', 'left', name='purpose', native_enum=False, create_constraint=True, length=24), nullable=False),
    sa.Column('person_id', sa.Integer(), nullable=False),
    sa.Column('enrollment_id', sa.Integer(), nullable=False),
    sa.Column('assignment_id', sa.Integer(), nullable=False),
    sa.Column('rule', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
    sa.Column('email_id', sa.Integer(), nullable=False),
    sa.Column('expires_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.Column('used_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
    sa.Column('recorded_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['assignment_id'], ['assignment.id'], name=op.f('fk_answer_link_assignment_id_assignment')),
    sa.ForeignKeyConstraint(['email_id'], ['email.id'], name=op.f('fk_answer_link_email_id_email')),
    sa.ForeignKeyConstraint(['enrollment_id'], ['enrollment.id'], name=op.f('fk_answer_link_enrollment_id_enrollment')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_answer_link_person_id_person')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_answer_link')),
    sa.UniqueConstraint('digest', name=op.f('uq_answer_link_digest'))
    )
    with op.batch_alter_table('answer_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_answer_link_email_id'), ['email_id'], unique=False)

    op.add_column('escalation', sa.Column('acknowledged_reason', sqlmodel.sql.sqltypes.AutoString(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('escalation', schema=None) as batch_op:
        batch_op.drop_column('acknowledged_reason')
    op.drop_table('answer_link')
    op.drop_table('proposal')
    op.drop_table('snooze')
    op.execute("UPDATE notice SET reason = 'superseded' WHERE reason = 'snoozed'")
    allow('notice', 'reason', REASONS)
