#include "model/device_request.h"

#include <gtest/gtest.h>

namespace stack {
namespace {

using Names = std::vector<std::string>;

TEST(DeviceRequest, GpusAreDevicesOfTheirVendor) {
  EXPECT_EQ(*cdi_names({"", -1, {}, {"gpu"}}), Names{"nvidia.com/gpu=all"});
  EXPECT_EQ(*cdi_names({"nvidia", 2, {}, {"gpu", "compute"}}),
            (Names{"nvidia.com/gpu=0", "nvidia.com/gpu=1"}));
  EXPECT_EQ(*cdi_names({"amd", std::nullopt, {"3"}, {}}), Names{"amd.com/gpu=3"});
  EXPECT_EQ(*cdi_names({"cdi", std::nullopt, {"acme.com/fpga=a"}, {}}), Names{"acme.com/fpga=a"});
}

TEST(DeviceRequest, OtherRequestsAreErrors) {
  EXPECT_EQ(cdi_names({"tpu", -1, {}, {}}).error().kind(), ErrorKind::Unsupported);
  EXPECT_EQ(cdi_names({"", -1, {}, {"video-encoder"}}).error().kind(), ErrorKind::Unsupported);
  EXPECT_EQ(cdi_names({"cdi", -1, {}, {}}).error().kind(), ErrorKind::Invalid);
  EXPECT_EQ(cdi_names({"", 1'000'000, {}, {"gpu"}}).error().kind(), ErrorKind::Invalid);
}

}  // namespace
}  // namespace stack
