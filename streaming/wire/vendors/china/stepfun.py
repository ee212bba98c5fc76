"""StepFun."""

from streaming.wire.vendors.vendor import Vendor

VENDOR = Vendor(
    label="StepFun",
    hosts=("stepfun.com", "stepfun.ai"),
    names=("step",),
)
