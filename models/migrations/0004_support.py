from tortoise import migrations
from tortoise.migrations import operations as ops
from models.notification import NotificationKind
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0003_money')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SupportRequest',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='support_requests', on_delete=OnDelete.RESTRICT)),
                ('message_id', fields.BigIntField()),
                ('text', fields.TextField(unique=False)),
                ('answer', fields.TextField(null=True, unique=False)),
                ('answered_by', fields.BigIntField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('answered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'support_requests', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.RemoveConstraint(
            model_name='Notification',
            name='notifications_kind_known',
            fields=None,
        ),
        ops.AlterField(
            model_name='Notification',
            name='kind',
            field=fields.CharEnumField(description='TRAINING_COMPLETED: training_completed\nTRAINING_FAILED: training_failed\nSTARS: stars\nOPERATOR: operator\nSUPPORT_REQUEST: support_request\nSUPPORT_ANSWER: support_answer', enum_type=NotificationKind, max_length=32),
        ),
        ops.AddField(
            model_name='Notification',
            name='support',
            field=fields.ForeignKeyField('models.SupportRequest', source_field='support_id', null=True, db_constraint=True, to_field='id', related_name='notifications', on_delete=OnDelete.RESTRICT),
        ),
        ops.AddConstraint(
            model_name='Notification',
            constraint=CheckConstraint(check="kind IN ('training_completed', 'training_failed', 'stars', 'operator', 'support_request', 'support_answer')", name='notifications_kind_known'),
        ),
        ops.AddConstraint(
            model_name='User',
            constraint=CheckConstraint(check='referred_by_id <> id', name='users_not_brought_by_themselves'),
        ),
        # Tortoise passes over the constraints of a CreateModel.
        ops.AddConstraint('SupportRequest', UniqueConstraint(fields=('user_id', 'message_id'), name='support_requests_once_per_message')),
        ops.AddConstraint('SupportRequest', CheckConstraint(check='num_nonnulls(answer, answered_by, answered_at) IN (0, 3)', name='support_requests_answered_or_not')),
    ]
