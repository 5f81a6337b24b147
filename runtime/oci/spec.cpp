// spec: writes a template configuration.
#include "base/files.h"
#include "runtime/oci/command.h"
#include "runtime/oci/output.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kSpecFlags[] = {
    {"bundle", 'b', FlagKind::Text, "DIR", "directory for config.json (default: current directory)"},
    {"rootless", 0, FlagKind::Switch, "", "not supported"},
};

Json starting_spec() {
  Json spec = default_spec();
  spec["root"]["readonly"] = true;  // as in crun and runc
  spec["hostname"] = "stack";
  spec["process"]["args"] = {"sh"};
  spec["process"]["terminal"] = true;
  spec["process"]["noNewPrivileges"] = true;
  spec["process"]["env"].push_back("TERM=xterm");
  spec["linux"]["namespaces"].push_back({{"type", "network"}});
  return spec;
}

Result<int> spec(const GlobalOptions&, const Arguments& arguments) {
  if (arguments.is_set("rootless"))
    return unsupported("spec --rootless: unprivileged containers are not supported");
  std::string file = arguments.text("bundle", ".") + "/config.json";
  if (path_exists(file)) return conflict(file + " already exists");
  TRY(write_file(file, pretty(starting_spec())));
  return 0;
}

}  // namespace

const Command kSpec = {
    "spec", "[flags]", "write a template config.json", kSpecFlags, FlagOrder::Anywhere, 0, 0, false, spec};

}  // namespace stack::runtime::oci
