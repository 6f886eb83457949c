"""Who serves models, and where: the catalogue as data, the providers that are on, and the door outward.

It knows no dialect's wire format.
"""
