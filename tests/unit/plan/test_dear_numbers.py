"""What is looked at before a number is taken apart says the same as taking it apart."""

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberType

from probe.plan.rails import _is_premium


def premium(number: str) -> bool:
    """Return what libphonenumber says of an international number."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.number_type(parsed) == PhoneNumberType.PREMIUM_RATE)


def test_premium_rates_of_every_country_are_found() -> None:
    """With and without its trunk prefix, too long, too short, and what is none."""
    numbers = {"+", "+0900123456", "+999123456789", "+12025550123", "+4930123456"}
    for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items():
        for region in regions:
            known = PhoneMetadata.metadata_for_region_or_calling_code(code, region)
            if known is None or known.premium_rate is None:
                continue
            example = known.premium_rate.example_number or "900123456"
            prefix = known.national_prefix or "0"
            numbers |= {f"+{code}{one}" for one in (example, prefix + example, example + "5")}
            numbers |= {f"+{code}{one}" for one in (example[:-1], example[::-1])}
    said = {number: _is_premium(number, None) for number in numbers}
    assert said == {number: premium(number) for number in numbers}
    assert sum(said.values()) > 100
