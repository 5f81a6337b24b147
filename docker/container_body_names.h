// Names of Docker's container JSON that both directions need.
#pragma once

#include <array>

namespace stack::docker {

struct BlkioList {
  const char* ours;          // in ResourceSpec::blkio
  const char* docker;        // in HostConfig
  const char* value;         // member beside "path"
  const char* docker_value;  // member beside "Path"
};

inline constexpr std::array<BlkioList, 5> kBlkioLists{{
    {"weight_device", "BlkioWeightDevice", "weight", "Weight"},
    {"device_read_bps", "BlkioDeviceReadBps", "rate", "Rate"},
    {"device_read_iops", "BlkioDeviceReadIOps", "rate", "Rate"},
    {"device_write_bps", "BlkioDeviceWriteBps", "rate", "Rate"},
    {"device_write_iops", "BlkioDeviceWriteIOps", "rate", "Rate"},
}};

}  // namespace stack::docker
