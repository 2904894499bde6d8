from django.http import HttpResponse
from django.urls import path


def greet(request, name):
    text = f"Hello, {name}"
    return HttpResponse(text)


urlpatterns = [path("<name>", greet)]
