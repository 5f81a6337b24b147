// Network devices of the host given to a container. config-linux.md "Network Devices"; rtnetlink(7)
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "runtime/spec/spec.h"

namespace stack::runtime {

// Moves each device into the network namespace of the process, under its new name ("eth%d": the first that is
// free there), puts its permanent global addresses back and sets it up. NotFound for a device the host does
// not have, Conflict for a name in use there. What the namespace's end does to the device is the kernel's
// business.
Result<> move_net_devices(const std::vector<NetDeviceSpec>& devices, pid_t pid);

}  // namespace stack::runtime
