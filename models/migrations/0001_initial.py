from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from json import dumps, loads
from models.ledger import LedgerKind
from models.lora import LoraStatus
from models.notification import NotificationKind, NotificationStatus
from models.training import TrainStatus
from tortoise.contrib.postgres.fields import ArrayField
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    initial = True

    operations = [
        ops.CreateModel(
            name='BaseModel',
            fields=[
                ('id', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('name', fields.CharField(max_length=128)),
                ('endpoint', fields.CharField(max_length=128)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'base_models', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What a LoRA is trained on and later used with; the declared table in `fal/trainers.py` fills it.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SeenUpdate',
            fields=[
                ('id', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('attempts', fields.SmallIntField(default=0)),
                ('done', fields.BooleanField(default=False)),
                ('error', fields.CharField(null=True, max_length=255)),
                ('seen_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'seen_updates', 'app': 'models', 'indexes': [Index(fields=['seen_at'])], 'pk_attr': 'id', 'table_description': "An update of Telegram's, by its id, so that a redelivery changes nothing twice."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='SendSlot',
            fields=[
                ('key', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ('next_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'send_slots', 'app': 'models', 'pk_attr': 'key', 'table_description': 'The next free moment for a message: one row a chat, and one for the whole bot.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='User',
            fields=[
                ('id', fields.BigIntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ('first_name', fields.CharField(max_length=128)),
                ('username', fields.CharField(null=True, max_length=64)),
                ('language', fields.CharField(max_length=8)),
                ('balance', fields.IntField(default=0)),
                ('blocked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'users', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LoraModel',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='loras', on_delete=OnDelete.CASCADE)),
                ('base_model', fields.ForeignKeyField('models.BaseModel', source_field='base_model_id', db_constraint=True, to_field='id', related_name='loras', on_delete=OnDelete.RESTRICT)),
                ('name', fields.CharField(max_length=64)),
                ('trigger_word', fields.CharField(max_length=64)),
                ('status', fields.CharEnumField(default=LoraStatus.TRAINING, description='TRAINING: TRAINING\nREADY: READY\nFAILED: FAILED', enum_type=LoraStatus, max_length=16)),
                ('is_public', fields.BooleanField(default=False)),
                ('weights_url', fields.TextField(null=True, unique=False)),
                ('config_url', fields.TextField(null=True, unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'lora_models', 'app': 'models', 'indexes': [Index(fields=['user_id', 'created_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Training',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('lora', fields.OneToOneField('models.LoraModel', source_field='lora_id', db_constraint=True, to_field='id', related_name='training', on_delete=OnDelete.CASCADE)),
                ('base_model', fields.ForeignKeyField('models.BaseModel', source_field='base_model_id', db_constraint=True, to_field='id', related_name='trainings', on_delete=OnDelete.RESTRICT)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='trainings', on_delete=OnDelete.CASCADE)),
                ('image_urls', ArrayField(element_type='TEXT')),
                ('instance_prompt', fields.TextField(unique=False)),
                ('class_prompt', fields.TextField(null=True, unique=False)),
                ('steps', fields.IntField(default=100)),
                ('learning_rate', fields.FloatField(default=0.0001)),
                ('stars_spent', fields.IntField()),
                ('status', fields.CharEnumField(default=TrainStatus.PENDING, description='PENDING: PENDING\nTRAINING: TRAINING\nCOMPLETED: COMPLETED\nFAILED: FAILED', enum_type=TrainStatus, max_length=16)),
                ('error', fields.TextField(null=True, unique=False)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('completed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('metadata', fields.JSONField(null=True, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('is_style', fields.BooleanField()),
                ('create_masks', fields.BooleanField()),
                ('error_code', fields.CharField(null=True, max_length=64)),
                ('progress', fields.SmallIntField(default=0)),
                ('step', fields.IntField(null=True)),
                ('queue_position', fields.IntField(null=True)),
                ('running_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('idempotency_key', fields.CharField(max_length=255)),
                ('idempotency_body', fields.CharField(max_length=64)),
                ('submitted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('submits_in_doubt', fields.SmallIntField(default=0)),
                ('request_id', fields.CharField(null=True, max_length=64)),
                ('version', fields.IntField(default=0)),
                ('status_message_id', fields.BigIntField(null=True)),
                ('status_version', fields.IntField(default=-1)),
                ('status_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'trainings', 'app': 'models', 'indexes': [Index(fields=['user_id', 'started_at', 'id']), Index(fields=['base_model_id', 'completed_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='LedgerEntry',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='ledger', on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='WELCOME: welcome\nTRAINING: training\nREFUND: refund', enum_type=LedgerKind, max_length=16)),
                ('amount', fields.IntField()),
                ('balance_after', fields.IntField()),
                ('training', fields.ForeignKeyField('models.Training', source_field='training_id', null=True, db_constraint=True, to_field='id', related_name='ledger', on_delete=OnDelete.RESTRICT)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'ledger', 'app': 'models', 'indexes': [Index(fields=['user_id', 'id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Notification',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('chat_id', fields.BigIntField()),
                ('kind', fields.CharEnumField(description='TRAINING_COMPLETED: training_completed\nTRAINING_FAILED: training_failed\nOPERATOR: operator', enum_type=NotificationKind, max_length=32)),
                ('training', fields.ForeignKeyField('models.Training', source_field='training_id', null=True, db_constraint=True, to_field='id', related_name='notifications', on_delete=OnDelete.CASCADE)),
                ('text', fields.TextField(null=True, unique=False)),
                ('dedupe_key', fields.CharField(max_length=64)),
                ('status', fields.CharEnumField(default=NotificationStatus.QUEUED, description='QUEUED: queued\nSENDING: sending\nSENT: sent\nDROPPED: dropped', enum_type=NotificationStatus, max_length=16)),
                ('message_id', fields.BigIntField(null=True)),
                ('error', fields.TextField(null=True, unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'notifications', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Photo',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='photos', on_delete=OnDelete.CASCADE)),
                ('training', fields.ForeignKeyField('models.Training', source_field='training_id', null=True, db_constraint=True, to_field='id', related_name='photos', on_delete=OnDelete.CASCADE)),
                ('file_name', fields.CharField(max_length=255)),
                ('caption', fields.TextField(null=True, unique=False)),
                ('warning', fields.CharField(null=True, max_length=32)),
                ('sha256', fields.CharField(max_length=64)),
                ('dhash', fields.CharField(max_length=16)),
                ('width', fields.IntField()),
                ('height', fields.IntField()),
                ('bytes', fields.IntField()),
                ('thumbnail', fields.BinaryField()),
                ('source', fields.CharField(max_length=8)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'photos', 'app': 'models', 'indexes': [Index(fields=['expires_at']), Index(fields=['user_id', 'created_at']), Index(fields=['training_id'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Upload',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='uploads', on_delete=OnDelete.CASCADE)),
                ('url', fields.CharField(unique=True, max_length=2048)),
                ('photo_ids', ArrayField(element_type='UUID')),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'uploads', 'app': 'models', 'indexes': [Index(fields=['expires_at']), Index(fields=['user_id'])], 'pk_attr': 'id', 'table_description': 'A zip that was put where fal can fetch it, and for whom.'},
            bases=['Model'],
        ),
        # Added one by one: Tortoise passes over the constraints of a CreateModel.
        ops.AddConstraint('User', CheckConstraint(check='balance >= 0', name='users_balance_not_negative')),
        ops.AddConstraint('LoraModel', CheckConstraint(check="status IN ('TRAINING', 'READY', 'FAILED')", name='lora_models_status_known')),
        ops.AddConstraint('Training', CheckConstraint(check="status IN ('PENDING', 'TRAINING', 'COMPLETED', 'FAILED')", name='trainings_status_known')),
        ops.AddConstraint('Training', CheckConstraint(check='progress BETWEEN 0 AND 100', name='trainings_progress_percent')),
        ops.AddConstraint('Training', CheckConstraint(check='stars_spent >= 0', name='trainings_price_not_negative')),
        ops.AddConstraint('Training', CheckConstraint(check="(status IN ('COMPLETED', 'FAILED')) = (completed_at IS NOT NULL)", name='trainings_ended_have_an_end')),
        ops.AddConstraint('Training', UniqueConstraint(fields=('user_id', 'idempotency_key'), name='trainings_once_per_key')),
        ops.AddConstraint('Training', UniqueConstraint(fields=('request_id',), name='trainings_once_per_request')),
        ops.AddConstraint('LedgerEntry', CheckConstraint(check="kind IN ('welcome', 'training', 'refund')", name='ledger_kind_known')),
        ops.AddConstraint('LedgerEntry', CheckConstraint(check='balance_after >= 0', name='ledger_balance_not_negative')),
        ops.AddConstraint('LedgerEntry', UniqueConstraint(fields=('training_id', 'kind'), name='ledger_once_per_training_and_kind')),
        ops.AddConstraint('Notification', CheckConstraint(check="kind IN ('training_completed', 'training_failed', 'operator')", name='notifications_kind_known')),
        ops.AddConstraint('Notification', CheckConstraint(check="status IN ('queued', 'sending', 'sent', 'dropped')", name='notifications_status_known')),
        ops.AddConstraint('Notification', UniqueConstraint(fields=('chat_id', 'dedupe_key'), name='notifications_once_per_chat_and_key')),
        ops.AddConstraint('Photo', CheckConstraint(check="source IN ('app', 'chat')", name='photos_source_known')),
        # The first screen and recovery look only at those that haven't ended.
        ops.RunSQL(
            "CREATE INDEX trainings_active ON trainings (user_id, started_at, id)"
            " WHERE status IN ('PENDING', 'TRAINING')",
            reverse_sql="DROP INDEX trainings_active",
        ),
        ops.RunSQL(
            "CREATE INDEX notifications_unsent ON notifications (created_at) WHERE status IN ('queued', 'sending')",
            reverse_sql="DROP INDEX notifications_unsent",
        ),
    ]
