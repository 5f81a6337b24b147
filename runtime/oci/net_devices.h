// Moves network devices of the host to a container. config-linux.md "Network Devices"; rtnetlink(7)
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// Moves each device into the network namespace of the process, under its new name ("eth%d": the first that is free
// there), restores its permanent global addresses, and sets it up. NotFound if the host has no such device,
// Conflict if the name is in use there. At the end of the namespace, the kernel decides what happens to the device.
Result<> move_net_devices(const std::vector<NetDeviceSpec>& devices, pid_t pid);

}  // namespace stack::runtime
