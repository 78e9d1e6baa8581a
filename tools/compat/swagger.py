"""Validates the Swagger documents of a server's services with swagger-spec-validator."""
import json
import sys
import urllib.request

from swagger_spec_validator.common import SwaggerValidationError
from swagger_spec_validator.validator20 import validate_spec


def main(url):
    for service, paths in (("flights", 7), ("all", 5), ("tokens", 0)):
        with urllib.request.urlopen("%s/public/api/v1/%s/swagger" % (url, service)) as answer:
            document = json.load(answer)
        validate_spec(document)
        if document["swagger"] != "2.0" or len(document["paths"]) != paths:
            sys.exit("%s: %s" % (service, sorted(document["paths"])))
        print(service, sorted(document["paths"]))
    # The validator must be able to refuse.
    del document["info"]
    try:
        validate_spec(document)
    except SwaggerValidationError:
        return
    sys.exit("a document without info is valid")


main(sys.argv[1])
