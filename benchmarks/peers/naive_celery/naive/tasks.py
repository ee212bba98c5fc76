# mypy: ignore-errors
# Another Django project: mypy's plugin knows one at a time.
"""The task as it is usually written."""

import requests
from celery import shared_task
from django.conf import settings
from naive.models import Conversion


@shared_task(bind=True, max_retries=10)
def report(self, conversion_id):
    conversion = Conversion.objects.get(pk=conversion_id)
    try:
        answer = requests.post(
            f"{settings.OCEANENGINE_URL}/sdk/app/attribution/",
            json={"platform": "android", "android_id": conversion.android_id, "package_name": "com.example.app"},
            timeout=10,
        ).json()
        if not answer["callback_param"]:
            conversion.status = "organic"
            conversion.save()
            return
        conversion.callback = answer["callback_param"]
        conversion.save()
        response = requests.post(
            f"{settings.OCEANENGINE_URL}/api/v2/conversion",
            json={
                "event_type": conversion.event,
                "context": {
                    "ad": {"callback": conversion.callback, "match_type": 0},
                    "device": {"platform": "android", "android_id": conversion.android_id},
                },
                "outer_event_id": conversion.outer_event_id,
                "timestamp": int(conversion.occurred_at.timestamp() * 1000),
            },
            timeout=10,
        )
        response.raise_for_status()
    except requests.RequestException as err:
        raise self.retry(exc=err, countdown=60) from err
    conversion.response = response.text
    conversion.status = "reported" if response.json()["code"] == 0 else "failed"
    conversion.save()
