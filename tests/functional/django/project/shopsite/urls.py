from django.conf import settings
from django.contrib import admin
from django.http import JsonResponse
from django.urls import include, path

from conductor.contrib.django.views import WebhookView


class Echo(WebhookView):
    scheme = "conductor"

    def handle(self, request, payload, name):
        return JsonResponse({name: payload})


on_push = WebhookView.as_view(
    secret=settings.WEBHOOK_SECRET,
    workflow="on_push",
    input_headers=["X-GitHub-Event"],
    delivery_header="X-GitHub-Delivery",
)
urlpatterns = [
    path("admin/", admin.site.urls),
    path("conductor/", include("conductor.contrib.django.urls")),
    path("hooks/github/", on_push),
    path("hooks/echo/<str:name>/", Echo.as_view(secret=settings.WEBHOOK_SECRET)),
]
