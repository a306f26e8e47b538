from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from json import dumps, loads
from models.generation import GenStatus, Origin
from models.ledger import LedgerKind
from models.notification import NotificationKind
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0004_support')]

    initial = False

    operations = [
        ops.CreateModel(
            name='Dialogue',
            fields=[
                ('user', fields.OneToOneField('models.User', source_field='user_id', primary_key=True, db_index=True, db_constraint=True, to_field='id', related_name='dialogue', on_delete=OnDelete.CASCADE)),
                ('message_id', fields.BigIntField()),
                ('chosen', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('asked_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'dialogues', 'app': 'models', 'pk_attr': 'user_id', 'table_description': 'At most one a person: a new question takes the place of an older one.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Generation',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('stars_spent', fields.IntField()),
                ('error', fields.TextField(null=True, unique=False)),
                ('error_code', fields.CharField(null=True, max_length=64)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('running_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('queue_position', fields.IntField(null=True)),
                ('idempotency_key', fields.CharField(max_length=255)),
                ('idempotency_body', fields.CharField(max_length=64)),
                ('submitted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('submits_in_doubt', fields.SmallIntField(default=0)),
                ('request_id', fields.CharField(null=True, max_length=64)),
                ('version', fields.IntField(default=0)),
                ('status_message_id', fields.BigIntField(null=True)),
                ('status_version', fields.IntField(default=-1)),
                ('status_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('base_model', fields.ForeignKeyField('models.BaseModel', source_field='base_model_id', db_constraint=True, to_field='id', related_name='generations', on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='generations', on_delete=OnDelete.CASCADE)),
                ('training', fields.OneToOneField('models.Training', source_field='training_id', null=True, db_constraint=True, to_field='id', related_name='samples', on_delete=OnDelete.CASCADE)),
                ('origin', fields.CharEnumField(description='CHAT: chat\nAPP: app\nSAMPLE: sample', enum_type=Origin, max_length=8)),
                ('prompt', fields.TextField(unique=False)),
                ('loras', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('aspect', fields.CharField(max_length=8)),
                ('steps', fields.SmallIntField()),
                ('guidance', fields.FloatField()),
                ('seed', fields.BigIntField()),
                ('count', fields.SmallIntField()),
                ('held_back', fields.SmallIntField(default=0)),
                ('status', fields.CharEnumField(default=GenStatus.PENDING, description='PENDING: PENDING\nRUNNING: RUNNING\nCOMPLETED: COMPLETED\nFAILED: FAILED', enum_type=GenStatus, max_length=16)),
                ('taken_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('output', fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('message_id', fields.BigIntField(null=True)),
                ('deleted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'generations', 'app': 'models', 'indexes': [Index(fields=['user_id', 'started_at', 'id']), Index(fields=['user_id', 'taken_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Picture',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='pictures', on_delete=OnDelete.CASCADE)),
                ('generation', fields.ForeignKeyField('models.Generation', source_field='generation_id', db_constraint=True, to_field='id', related_name='pictures', on_delete=OnDelete.CASCADE)),
                ('position', fields.SmallIntField()),
                ('width', fields.IntField()),
                ('height', fields.IntField()),
                ('bytes', fields.IntField()),
                ('thumbnail', fields.BinaryField()),
                ('file_id', fields.CharField(null=True, max_length=255)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'pictures', 'app': 'models', 'indexes': [Index(fields=['user_id', 'created_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='RefusedWord',
            fields=[
                ('word', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('added_by', fields.BigIntField()),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'refused_words', 'app': 'models', 'pk_attr': 'word', 'table_description': 'A word or a few, as they are compared: folded, with single spaces.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Report',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='reports', on_delete=OnDelete.CASCADE)),
                ('lora', fields.ForeignKeyField('models.LoraModel', source_field='lora_id', db_constraint=True, to_field='id', related_name='reports', on_delete=OnDelete.CASCADE)),
                ('reason', fields.TextField(unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'reports', 'app': 'models', 'pk_attr': 'id', 'table_description': "Somebody's word that a public model should not be there."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SavedParams',
            fields=[
                ('user', fields.OneToOneField('models.User', source_field='user_id', primary_key=True, db_index=True, db_constraint=True, to_field='id', related_name='params', on_delete=OnDelete.CASCADE)),
                ('aspect', fields.CharField(null=True, max_length=8)),
                ('steps', fields.SmallIntField(null=True)),
                ('guidance', fields.FloatField(null=True)),
                ('seed', fields.BigIntField(null=True)),
                ('count', fields.SmallIntField(null=True)),
                ('scale', fields.FloatField(null=True)),
            ],
            options={'table': 'saved_params', 'app': 'models', 'pk_attr': 'user_id'},
            bases=['Model'],
        ),
        ops.RemoveConstraint(
            model_name='LedgerEntry',
            name='ledger_kind_known',
            fields=None,
        ),
        ops.RemoveConstraint(
            model_name='LedgerEntry',
            name='ledger_one_cause',
            fields=None,
        ),
        ops.AlterField(
            model_name='LedgerEntry',
            name='kind',
            field=fields.CharEnumField(description='WELCOME: welcome\nPURCHASE: purchase\nBONUS: bonus\nGRANT: grant\nTRAINING: training\nGENERATION: generation\nREFUND: refund\nCHARGEBACK: chargeback\nDEBT: debt', enum_type=LedgerKind, max_length=16),
        ),
        ops.AddField(
            model_name='LedgerEntry',
            name='generation',
            field=fields.ForeignKeyField('models.Generation', source_field='generation_id', null=True, db_constraint=True, to_field='id', related_name='ledger', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="kind IN ('welcome', 'purchase', 'bonus', 'grant', 'training', 'generation', 'refund', 'chargeback', 'debt')", name='ledger_kind_known'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="num_nonnulls(training_id, generation_id, payment_id, cause) = (kind <> 'welcome')::int", name='ledger_one_cause'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=CheckConstraint(check="generation_id IS NULL OR kind IN ('generation', 'refund', 'debt')", name='ledger_generations_cause'),
        ),
        ops.AddConstraint(
            model_name='LedgerEntry',
            constraint=UniqueConstraint(fields=('generation_id', 'kind'), name='ledger_once_per_generation_and_kind'),
        ),
        ops.AddField(
            model_name='LoraModel',
            name='hidden_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='LoraModel',
            name='weights_kept_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.RemoveConstraint(
            model_name='Notification',
            name='notifications_kind_known',
            fields=None,
        ),
        ops.AlterField(
            model_name='Notification',
            name='kind',
            field=fields.CharEnumField(description='TRAINING_COMPLETED: training_completed\nTRAINING_FAILED: training_failed\nPICTURES: pictures\nPICTURES_BUTTONS: pictures_buttons\nGENERATION_FAILED: generation_failed\nSTARS: stars\nOPERATOR: operator\nSUPPORT_REQUEST: support_request\nSUPPORT_ANSWER: support_answer', enum_type=NotificationKind, max_length=32),
        ),
        ops.AddField(
            model_name='Notification',
            name='generation',
            field=fields.ForeignKeyField('models.Generation', source_field='generation_id', null=True, db_constraint=True, to_field='id', related_name='notifications', on_delete=OnDelete.CASCADE),
        ),
        ops.AddField(
            model_name='Notification',
            name='picture',
            field=fields.ForeignKeyField('models.Picture', source_field='picture_id', null=True, db_constraint=True, to_field='id', related_name='notifications', on_delete=OnDelete.CASCADE),
        ),
        ops.AddConstraint(
            model_name='Notification',
            constraint=CheckConstraint(check="kind IN ('training_completed', 'training_failed', 'pictures', 'pictures_buttons', 'generation_failed', 'stars', 'operator', 'support_request', 'support_answer')", name='notifications_kind_known'),
        ),
        # Tortoise passes over the constraints of a CreateModel.
        ops.AddConstraint('Generation', CheckConstraint(check="status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED')", name='generations_status_known')),
        ops.AddConstraint('Generation', CheckConstraint(check="origin IN ('chat', 'app', 'sample')", name='generations_origin_known')),
        ops.AddConstraint('Generation', CheckConstraint(check='stars_spent >= 0', name='generations_price_not_negative')),
        ops.AddConstraint('Generation', CheckConstraint(check='count BETWEEN 1 AND 10', name='generations_count_sensible')),
        ops.AddConstraint('Generation', CheckConstraint(check="(status IN ('COMPLETED', 'FAILED')) = (completed_at IS NOT NULL)", name='generations_ended_have_an_end')),
        ops.AddConstraint('Generation', CheckConstraint(check="(origin = 'sample') = (training_id IS NOT NULL)", name='generations_samples_of_trainings')),
        ops.AddConstraint('Generation', UniqueConstraint(fields=('user_id', 'idempotency_key'), name='generations_once_per_key')),
        ops.AddConstraint('Generation', UniqueConstraint(fields=('request_id',), name='generations_once_per_request')),
        ops.AddConstraint('Picture', UniqueConstraint(fields=('generation_id', 'position'), name='pictures_once_per_position')),
        ops.AddConstraint('Report', UniqueConstraint(fields=('user_id', 'lora_id'), name='reports_once_per_person')),
        # Looked for as Tortoise's `iexact` writes it. Only what is active takes turns: a small part of all.
        ops.RunSQL(
            """
            CREATE INDEX lora_models_by_trigger ON lora_models (upper(CAST(trigger_word AS VARCHAR)));
            CREATE INDEX users_by_username ON users (upper(CAST(username AS VARCHAR)));
            CREATE INDEX generations_active ON generations (user_id) WHERE status IN ('PENDING', 'RUNNING');
            """,
            """
            DROP INDEX lora_models_by_trigger;
            DROP INDEX users_by_username;
            DROP INDEX generations_active;
            """,
        ),
        # As Tortoise reads the models whose key is a person's; without it, makemigrations finds a change for ever.
        ops.AlterModelOptions(
            name='Dialogue',
            options={'table': 'dialogues', 'app': 'models', 'pk_attr': 'user_id', 'table_description': 'At most one a person: a new question takes the place of an older one.'},
        ),
        ops.AlterModelOptions(
            name='SavedParams',
            options={'table': 'saved_params', 'app': 'models', 'pk_attr': 'user_id'},
        ),
    ]
