from tortoise import migrations
from tortoise.migrations import operations as ops
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='SelectedModel',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('user', fields.ForeignKeyField('models.User', source_field='user_id', db_constraint=True, to_field='id', related_name='selected', on_delete=OnDelete.CASCADE)),
                ('lora', fields.ForeignKeyField('models.LoraModel', source_field='lora_id', db_constraint=True, to_field='id', related_name='selected_by', on_delete=OnDelete.CASCADE)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
            ],
            options={'table': 'selected_models', 'app': 'models', 'indexes': [Index(fields=['lora_id'])], 'pk_attr': 'id', 'table_description': 'A model that a person has selected for their pictures.'},
            bases=['Model'],
        ),
        ops.RemoveIndex(
            model_name='LoraModel',
            name=None,
            fields=['user_id', 'created_at'],
        ),
        ops.AddField(
            model_name='LoraModel',
            name='deleted_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='LoraModel',
            name='preview',
            field=fields.BinaryField(null=True),
        ),
        ops.AddIndex(
            model_name='LoraModel',
            index=Index(fields=['user_id', 'created_at', 'id']),
        ),
        ops.AddField(
            model_name='Photo',
            name='idempotency_key',
            field=fields.CharField(null=True, max_length=200),
        ),
        ops.AddField(
            model_name='Upload',
            name='preview',
            field=fields.BinaryField(null=True),
        ),
        # Tortoise passes over the constraints of a CreateModel.
        ops.AddConstraint('SelectedModel', UniqueConstraint(fields=('user_id', 'lora_id'), name='selected_models_once')),
        # The list of public ones; most models are private.
        ops.RunSQL(
            "CREATE INDEX lora_models_public ON lora_models (created_at, id)"
            " WHERE is_public AND status = 'READY' AND deleted_at IS NULL",
            reverse_sql="DROP INDEX lora_models_public",
        ),
    ]
