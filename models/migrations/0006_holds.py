from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0005_pictures')]

    initial = False

    operations = [
        ops.AddField(
            model_name='DailyClose',
            name='given_back',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='DailyClose',
            name='taken',
            field=fields.BigIntField(null=True),
        ),
        ops.AddField(
            model_name='Payment',
            name='held',
            field=fields.IntField(null=True),
        ),
        ops.AddIndex(
            model_name='Payment',
            index=Index(fields=['refunded_at']),
        ),
        ops.AddConstraint(
            model_name='Payment',
            constraint=CheckConstraint(check='held IS NULL OR refunded_at IS NULL', name='payments_held_until_refunded'),
        ),
        ops.AddField(
            model_name='User',
            name='held',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddConstraint(
            model_name='User',
            constraint=CheckConstraint(check='held BETWEEN 0 AND balance', name='users_held_is_there'),
        ),
    ]
