from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0006_holds')]

    initial = False

    operations = [
        ops.RemoveConstraint(
            model_name='SupportRequest',
            name='support_requests_once_per_message',
            fields=None,
        ),
        ops.AddField(
            model_name='SupportRequest',
            name='dedupe_key',
            field=fields.CharField(max_length=255, null=True),
        ),
        ops.RunSQL("UPDATE support_requests SET dedupe_key = 'message:' || message_id"),
        ops.AlterField(
            model_name='SupportRequest',
            name='dedupe_key',
            field=fields.CharField(max_length=255),
        ),
        ops.RemoveField(model_name='SupportRequest', name='message_id'),
        ops.AddConstraint(
            model_name='SupportRequest',
            constraint=UniqueConstraint(fields=('user_id', 'dedupe_key'), name='support_requests_once_per_key'),
        ),
    ]
