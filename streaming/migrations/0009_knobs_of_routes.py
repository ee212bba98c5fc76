"""Balance, limits, parameters, headers and proxies of routes; any base URL, and providers without a key."""

import django.core.validators
import streaming.catalogue.validators
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('streaming', '0008_vendor_of_provider'),
    ]

    operations = [
        migrations.AddField(
            model_name='chatmodel',
            name='balance',
            field=models.CharField(choices=[('ordered', 'in order'), ('weighted', 'by weight')], db_default='ordered', default='ordered', help_text='Which route is asked first: always the first one, or each as often as its weight says.', max_length=16, verbose_name='balance'),
        ),
        migrations.AddField(
            model_name='provider',
            name='headers',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, help_text='Sent with every request, for example {"X-Project-Name": "app"}. Never a key.', validators=[streaming.catalogue.validators.validate_headers], verbose_name='extra headers'),
        ),
        migrations.AddField(
            model_name='provider',
            name='proxy_env',
            field=models.CharField(blank=True, db_default='', default='', help_text='For example LLM_PROXY. Empty: HTTPS_PROXY or HTTP_PROXY, unless NO_PROXY names the host.', max_length=100, validators=[streaming.catalogue.validators.validate_proxy_env], verbose_name='variable with the proxy'),
        ),
        migrations.AddField(
            model_name='provider',
            name='send_stream_options',
            field=models.BooleanField(db_default=True, default=True, help_text='Off for a provider that refuses this parameter; then it may not tell the usage of streams.', verbose_name='send stream_options'),
        ),
        migrations.AddField(
            model_name='route',
            name='default_params',
            field=models.JSONField(blank=True, db_default=models.Value({}, models.JSONField()), default=dict, help_text='Sent unless the client sends its own, for example {"temperature": 0.7}.', validators=[streaming.catalogue.validators.validate_default_params], verbose_name='default parameters'),
        ),
        migrations.AddField(
            model_name='route',
            name='drop_params',
            field=models.JSONField(blank=True, db_default=models.Value([], models.JSONField()), default=list, help_text='Never sent for the client, for example ["seed"]; a default of this name replaces it.', validators=[streaming.catalogue.validators.validate_drop_params], verbose_name='dropped parameters'),
        ),
        migrations.AddField(
            model_name='route',
            name='rpm',
            field=models.PositiveIntegerField(blank=True, help_text='At most so many over all server processes; then the next route. Empty: no limit.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='requests per minute'),
        ),
        migrations.AddField(
            model_name='route',
            name='tpm',
            field=models.PositiveIntegerField(blank=True, help_text='Likewise.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='tokens per minute'),
        ),
        migrations.AddField(
            model_name='route',
            name='tpm_ramp_percent',
            field=models.PositiveSmallIntegerField(blank=True, help_text='How much faster than three minutes ago tokens may flow: Ark throttles more than 20. Empty: any.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='growth in three minutes, %'),
        ),
        migrations.AddField(
            model_name='route',
            name='weight',
            field=models.PositiveSmallIntegerField(blank=True, db_default=1, default=1, help_text="Share of the chats if the model's balance is by weight. 0: only if the others fail.", verbose_name='weight'),
        ),
        migrations.AlterField(
            model_name='provider',
            name='api_key_env',
            field=models.CharField(blank=True, help_text='For example ARK_API_KEY. Empty: the provider needs no key.', max_length=100, verbose_name='variable with the key'),
        ),
        migrations.AlterField(
            model_name='provider',
            name='base_url',
            field=models.CharField(help_text='Up to the version: …/api/v3 or …/v1', max_length=200, validators=[streaming.catalogue.validators.validate_base_url], verbose_name='base URL'),
        ),
    ]
