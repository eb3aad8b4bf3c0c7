"""deadlines that move with a reason, facts that can be voided, steps that are taken back, tenures as they were known"""

from alembic import op
import sqlalchemy as sa
import sqlmodel

from models.migrations.checks import allow, altered, one_of


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

TEXT = sqlmodel.sql.sqltypes.AutoString
MOVES = ('extension', 'correction')
PAUSES = ('hold', 'resume', 'undo')
CLOSINGS = (
    'activity', 'stage_left', 'recovered', 'filled', 'deadline_moved', 'case_ended', 'rule_dropped'
)
REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed',
)
APPROVED = "kind <> 'extension' OR (months >= 1 AND approver IS NOT NULL"
VALID, VOID = sa.text('voided_at IS NULL'), sa.text('voided_at IS NOT NULL')


def upgrade() -> None:
    with altered('deadline_change', {
        'kind': one_of('kind', (*MOVES, *PAUSES)),
        'extension': f'{APPROVED} AND requester IS NOT NULL)',
        'pause': "kind NOT IN ('hold', 'resume') OR effective_on IS NOT NULL",
        'undo': "(kind = 'undo') = (undoes_id IS NOT NULL)",
        'cost': '(cost_cents IS NULL) = (currency IS NULL) AND cost_cents >= 0',
    }) as table:
        table.add_column(sa.Column('effective_on', sa.Date()))
        table.add_column(sa.Column('undoes_id', sa.Integer()))
        table.add_column(sa.Column('reference', TEXT(), nullable=False, server_default=''))
        table.add_column(sa.Column('requester', TEXT()))
        table.add_column(sa.Column('cost_cents', sa.Integer()))
        table.add_column(sa.Column('currency', TEXT()))
        table.add_column(sa.Column('limit_on', sa.Date()))
        table.create_foreign_key(
            op.f('fk_deadline_change_undoes_id_deadline_change'), 'deadline_change', ['undoes_id'], ['id']
        )
        table.create_unique_constraint(op.f('uq_deadline_change_undoes_id'), ['undoes_id'])
    with altered('milestone', {
        'voided': '(voided_at IS NULL) = (voided_by IS NULL) AND (voided_at IS NULL) = (void_reason IS NULL)',
    }) as table:
        table.add_column(sa.Column('corrects_id', sa.Integer()))
        table.add_column(sa.Column('voided_at', sqlmodel.sql.sqltypes.UTCDateTime()))
        table.add_column(sa.Column('voided_by', TEXT()))
        table.add_column(sa.Column('void_reason', TEXT()))
        table.add_column(sa.Column('void_reference', TEXT(), nullable=False, server_default=''))
        table.create_foreign_key(op.f('fk_milestone_corrects_id_milestone'), 'milestone', ['corrects_id'], ['id'])
        table.drop_constraint(op.f('uq_milestone_enrollment_id_milestone_occurred_on_reference'), type_='unique')
    op.create_index(
        'uq_milestone_fact', 'milestone', ['enrollment_id', 'milestone', 'occurred_on', 'reference'], unique=True,
        sqlite_where=VALID, postgresql_where=VALID,
    )
    op.create_index('ix_milestone_voided', 'milestone', ['enrollment_id'], sqlite_where=VOID, postgresql_where=VOID)
    with altered('stage_change', {'takes_back': 'takes_back < seq'}) as table:
        table.add_column(sa.Column('takes_back', sa.Integer()))
    allow('escalation', 'closing', (*CLOSINGS, 'on_hold', 'retracted'))
    allow('notice', 'reason', (*REASONS, 'on_hold'))
    op.create_table('former_tenure',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('assignment_id', sa.Integer(), nullable=False),
    sa.Column('since', sa.Date(), nullable=False),
    sa.Column('until', sa.Date(), nullable=True),
    sa.Column('replaced_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['assignment_id'], ['assignment.id'], name=op.f('fk_former_tenure_assignment_id_assignment')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_former_tenure'))
    )
    op.create_index(op.f('ix_former_tenure_assignment_id'), 'former_tenure', ['assignment_id'])


def downgrade() -> None:
    op.drop_index(op.f('ix_former_tenure_assignment_id'), 'former_tenure')
    op.drop_table('former_tenure')
    allow('notice', 'reason', REASONS)
    allow('escalation', 'closing', CLOSINGS)
    with altered('stage_change', {'takes_back': None}) as table:
        table.drop_column('takes_back')
    op.drop_index('ix_milestone_voided', 'milestone')
    op.drop_index('uq_milestone_fact', 'milestone')
    with altered('milestone', {'voided': None}) as table:
        table.drop_constraint(op.f('fk_milestone_corrects_id_milestone'), type_='foreignkey')
        for name in ('corrects_id', 'voided_at', 'voided_by', 'void_reason', 'void_reference'):
            table.drop_column(name)
        table.create_unique_constraint(
            op.f('uq_milestone_enrollment_id_milestone_occurred_on_reference'),
            ['enrollment_id', 'milestone', 'occurred_on', 'reference'],
        )
    with altered('deadline_change', {
        'kind': one_of('kind', MOVES), 'extension': f'{APPROVED})', 'pause': None, 'undo': None, 'cost': None,
    }) as table:
        table.drop_constraint(op.f('uq_deadline_change_undoes_id'), type_='unique')
        table.drop_constraint(op.f('fk_deadline_change_undoes_id_deadline_change'), type_='foreignkey')
        for name in ('effective_on', 'undoes_id', 'reference', 'requester', 'cost_cents', 'currency', 'limit_on'):
            table.drop_column(name)
