from django.db import models


class Order(models.Model):
    number = models.CharField(max_length=50, unique=True)
    paid_by = models.IntegerField(null=True)
    payments = models.IntegerField(default=0)

    def __str__(self):
        return self.number
