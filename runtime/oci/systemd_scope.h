// A container's cgroup as a systemd scope: the "systemd cgroup driver" of podman and containerd.
// cgroupsPath is then "slice:prefix:name". systemd.scope(5), org.freedesktop.systemd1(5), systemd's "Control
// Group APIs and Delegation".
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runtime/oci/dbus_message.h"

namespace stack::runtime::oci {

struct ScopeName {
  std::string slice;  // "system.slice"
  std::string unit;   // "libpod-<name>.scope"
};
// Empty parts have runc's defaults: slice "system.slice"; an empty path is "system.slice:stack-runtime:<id>".
// Pure.
Result<ScopeName> scope_name(const std::string& cgroups_path, const std::string& id);

// A unit's property: its D-Bus type follows from the value.
struct UnitProperty {
  using Value = std::variant<std::string, bool, int32_t, uint32_t, uint64_t, std::vector<uint32_t>,
                             std::vector<uint8_t>>;
  std::string name;
  Value value;
  bool operator==(const UnitProperty&) const = default;
};

// The limits of a linux.resources object that systemd supports; the others are set only in control files. Pure.
Result<std::vector<UnitProperty>> limit_properties(const Json& resources, bool version2);
// "org.systemd.property.<Name>" annotations, values as `gvariant` text: 'words', true, 5, uint64 5. "...Sec"
// becomes "...USec". Pure.
Result<std::vector<UnitProperty>> annotated_properties(const Json& annotations);

// "a(sv)". Pure.
void write_properties(DbusWriter& out, const std::vector<UnitProperty>& properties);

// Whether systemd runs this machine: sd_booted(3).
bool systemd_runs();
// Unsupported, with a remedy in the text, if it does not.
Result<> require_systemd();

// Starts a scope with `first_process` in it, and waits until it is started. Unsupported if systemd does not run.
Result<> start_scope(const ScopeName& name, pid_t first_process, const std::string& description,
                     const std::vector<UnitProperty>& properties);
// Stops the unit and waits. Succeeds if it does not exist.
Result<> stop_scope(const std::string& unit);
// Sets properties for the lifetime of the unit. NotFound if it does not exist.
Result<> set_scope_properties(const std::string& unit, const std::vector<UnitProperty>& properties);

}  // namespace stack::runtime::oci
