"""mail is claimed by an owner with a lease, watched while in doubt, and stopped where a provider takes none"""

from alembic import op
import sqlalchemy as sa
import sqlmodel

from models.migrations.checks import allow, altered, one_of


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def columns() -> dict[str, tuple[sa.Column, ...]]:
    moment, word = sqlmodel.sql.sqltypes.UTCDateTime, sqlmodel.sql.sqltypes.AutoString
    return {
        'email': (
            sa.Column('failures', sa.Integer(), server_default='0', nullable=False),
            sa.Column('again', sa.Integer(), server_default='0', nullable=False),
            sa.Column('owner', word(), nullable=True),
            sa.Column('lease_until', moment(), nullable=True),
            sa.Column('next_at', moment(), nullable=True),
            sa.Column('vigil', sa.JSON(), nullable=True),
        ),
        'installation': (
            sa.Column('token', word(), nullable=True),
            sa.Column('generation', sa.Integer(), server_default='0', nullable=False),
            sa.Column('last_delivered_at', moment(), nullable=True),
            sa.Column('restored_at', moment(), nullable=True),
        ),
        'person': (
            sa.Column('undeliverable_since', sa.Date(), nullable=True),
            sa.Column('undeliverable_by', sa.String(24), nullable=True),
        ),
    }


BEFORE = ('pending', 'sending', 'sent', 'unknown', 'dead')
STATES = (*BEFORE, 'delivered', 'bounced', 'held', 'cancelled')
CLOSINGS = (
    'activity', 'stage_left', 'recovered', 'filled', 'deadline_moved', 'case_ended', 'rule_dropped', 'on_hold',
    'retracted',
)
REASONS = (
    'before_live', 'superseded', 'no_recipient', 'case_ended', 'stage_left', 'deadline_moved', 'escalation_closed',
    'rule_dropped', 'undeliverable', 'skipped', 'date_passed', 'on_hold', 'snoozed',
)
OPEN = sa.text("state IN ('pending', 'sending', 'unknown', 'held')")
NOT_SENT = sa.text("state <> 'sent'")


def upgrade() -> None:
    # What waits is written anew from its notices, which wait with it; nobody knows what became of the rest.
    op.execute("UPDATE email SET state = 'unknown' WHERE state = 'sending'")
    op.execute(
        "UPDATE notice SET state = 'pending' WHERE state = 'claimed'"
        " AND email_id IN (SELECT id FROM email WHERE state = 'pending')"
    )
    checks = {
        'email': {
            'state': one_of('state', STATES),
            'leased': "state <> 'sending' OR (owner IS NOT NULL AND lease_until IS NOT NULL)",
        },
        'installation': {},
        'person': {
            'undeliverable_by': one_of('undeliverable_by', ('bounce', 'block', 'invalid', 'spam_report')),
            'undeliverable_given': '(undeliverable_since IS NULL) = (undeliverable_by IS NULL)',
        },
    }
    op.drop_index('ix_email_unsettled', 'email')
    for name, added in columns().items():
        with altered(name, checks[name]) as table:
            for column in added:
                table.add_column(column)
    op.create_index('ix_email_unsettled', 'email', ['state'], sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index('ix_person_email', 'person', ['email'])
    op.create_table(
        'outlet',
        sa.Column('name', sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column('barred_by', sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column('barred_at', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column('not_before', sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_outlet')),
    )
    allow('notice', 'reason', (*REASONS, 'by_operator'))
    allow('escalation', 'closing', (*CLOSINGS, 'reachable'))


def downgrade() -> None:
    allow('escalation', 'closing', CLOSINGS)
    allow('notice', 'reason', REASONS)
    op.drop_table('outlet')
    op.drop_index('ix_person_email', 'person')
    op.drop_index('ix_email_unsettled', 'email')
    checks = {
        'email': {'state': one_of('state', BEFORE), 'leased': None},
        'installation': {},
        'person': {'undeliverable_by': None, 'undeliverable_given': None},
    }
    for name, added in columns().items():
        with altered(name, checks[name]) as table:
            for column in added:
                table.drop_column(column.name)
    op.create_index('ix_email_unsettled', 'email', ['state'], sqlite_where=NOT_SENT, postgresql_where=NOT_SENT)
