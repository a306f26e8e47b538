from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from json import dumps, loads
from models.ledger import LedgerKind
from models.notification import NotificationKind
from models.switch import SwitchName
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0002_models')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Bookmark',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('position', fields.BigIntField()),
            ],
            options={'table': 'bookmarks', 'app': 'models', 'pk_attr': 'name', 'table_description': "How far a list of somebody else's has been read, in its entries."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DailyClose',
            fields=[
                ('day', fields.DateField(primary_key=True, unique=True, db_index=True)),
                ('totals', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('rows_sum', fields.BigIntField()),
                ('balances_sum', fields.BigIntField()),
                ('closed_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'daily_closes', 'app': 'models', 'pk_attr': 'day', 'table_description': 'A day (UTC) by the ledger, and the sums of all rows and of all balances at the moment it was closed.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Payment',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='payments', on_delete=OnDelete.RESTRICT)),
                ('charge_id', fields.CharField(max_length=255)),
                ('amount', fields.IntField()),
                ('stars', fields.IntField(null=True)),
                ('problem', fields.CharField(null=True, max_length=32)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('refunded_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('matched_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payments', 'app': 'models', 'indexes': [Index(fields=['user_id', 'id']), Index(fields=['created_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PromoCode',
            fields=[
                ('code', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('stars', fields.IntField()),
                ('uses_max', fields.IntField()),
                ('uses', fields.IntField(default=0)),
                ('expires_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('created_by', fields.BigIntField()),
            ],
            options={'table': 'promo_codes', 'app': 'models', 'pk_attr': 'code'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Switch',
            fields=[
                ('name', fields.CharEnumField(primary_key=True, unique=True, db_index=True, description='PURCHASES_PAUSED: purchases_paused', enum_type=SwitchName, max_length=32)),
                ('is_on', fields.BooleanField()),
                ('changed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'switches', 'app': 'models', 'pk_attr': 'name', 'table_description': 'One that has never been touched has no row, and is off.'},
            bases=['Model'],
        ),
        ops.RemoveConstraint(
            model_name='LedgerEntry',
            name='ledger_kind_known',
            fields=None,
        ),
        ops.AlterField(
            model_name='LedgerEntry',
            name='kind',
            field=fields.CharEnumField(description='WELCOME: welcome\nPURCHASE: purchase\nBONUS: bonus\nGRANT: grant\nTRAINING: training\nREFUND: refund\nCHARGEBACK: chargeback\nDEBT: debt', enum_type=LedgerKind, max_length=16),
        ),
        ops.AddField(
            model_name='LedgerEntry',
            name='cause',
            field=fields.CharField(null=True, max_length=255),
        ),
        ops.AddField(
            model_name='LedgerEntry',
            name='payment',
            field=fields.ForeignKeyField('models.Payment', source_field='payment_id', null=True, db_constraint=True, to_field='id', related_name='ledger', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddIndex(
            model_name='LedgerEntry',
            index=Index(fields=['created_at']),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="kind IN ('welcome', 'purchase', 'bonus', 'grant', 'training', 'refund', 'chargeback', 'debt')", name='ledger_kind_known'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="num_nonnulls(training_id, payment_id, cause) = (kind <> 'welcome')::int", name='ledger_one_cause'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="training_id IS NULL OR kind IN ('training', 'refund', 'debt')", name='ledger_trainings_cause'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="payment_id IS NULL OR kind IN ('purchase', 'chargeback', 'debt')", name='ledger_payments_cause'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="cause IS NULL OR kind IN ('bonus', 'grant', 'debt')", name='ledger_others_cause'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=UniqueConstraint(fields=('payment_id', 'kind'), name='ledger_once_per_payment_and_kind'),
        ),
        ops.RemoveConstraint(
            model_name='Notification',
            name='notifications_kind_known',
            fields=None,
        ),
        ops.AlterField(
            model_name='Notification',
            name='kind',
            field=fields.CharEnumField(description='TRAINING_COMPLETED: training_completed\nTRAINING_FAILED: training_failed\nSTARS: stars\nOPERATOR: operator', enum_type=NotificationKind, max_length=32),
        ),
        ops.AddField(
            model_name='Notification',
            name='ledger',
            field=fields.ForeignKeyField('models.LedgerEntry', source_field='ledger_id', null=True, db_constraint=True, to_field='id', related_name='notifications', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='Notification',
            constraint=CheckConstraint(check="kind IN ('training_completed', 'training_failed', 'stars', 'operator')", name='notifications_kind_known'),
        ),
        ops.AddField(
            model_name='User',
            name='debt',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name='User',
            name='referred_by',
            field=fields.ForeignKeyField('models.User', source_field='referred_by_id', null=True, db_constraint=True, to_field='id', related_name='referred', on_delete=OnDelete.SET_NULL),
        ),
        ops.AddConstraint(
            model_name='User',
            constraint=CheckConstraint(check='debt >= 0', name='users_debt_not_negative'),
        ),
        # Tortoise passes over the constraints of a CreateModel.
        ops.AddConstraint('Payment', UniqueConstraint(fields=('charge_id',), name='payments_once_per_charge')),
        ops.AddConstraint('Payment', CheckConstraint(check='stars > 0', name='payments_give_something')),
        ops.AddConstraint('Payment', CheckConstraint(check='(stars IS NULL) = (problem IS NOT NULL)', name='payments_credited_or_a_problem')),
        ops.AddConstraint('PromoCode', CheckConstraint(check='code = upper(code)', name='promo_codes_upper_case')),
        ops.AddConstraint('PromoCode', CheckConstraint(check='stars > 0', name='promo_codes_give_something')),
        ops.AddConstraint('PromoCode', CheckConstraint(check='uses BETWEEN 0 AND uses_max', name='promo_codes_not_overused')),
        ops.AddConstraint('Switch', CheckConstraint(check="name IN ('purchases_paused')", name='switches_name_known')),
        # Nobody gets the same bonus twice.
        ops.RunSQL(
            "CREATE UNIQUE INDEX ledger_once_per_bonus ON ledger (user_id, cause) WHERE kind = 'bonus'",
            reverse_sql="DROP INDEX ledger_once_per_bonus",
        ),
    ]
