// spec: a configuration to start from.
#include "base/files.h"
#include "runtime/oci/command.h"
#include "runtime/oci/output.h"
#include "runtime/spec/defaults.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kSpecFlags[] = {
    {"bundle", 'b', FlagKind::Text, "DIR", "where to write config.json (default: here)"},
    {"rootless", 0, FlagKind::Switch, "", "refused: containers of plain users are not supported"},
};

Json starting_spec() {
  Json spec = default_spec();
  spec["root"]["readonly"] = true;  // as crun's and runc's
  spec["hostname"] = "stack";
  spec["process"]["args"] = {"sh"};
  spec["process"]["terminal"] = true;
  spec["process"]["noNewPrivileges"] = true;
  spec["process"]["env"].push_back("TERM=xterm");
  spec["linux"]["namespaces"].push_back({{"type", "network"}});
  return spec;
}

Result<int> spec(const GlobalOptions&, const Arguments& arguments) {
  if (arguments.on("rootless"))
    return unsupported("spec --rootless: containers of plain users are not supported");
  std::string file = arguments.text("bundle", ".") + "/config.json";
  if (path_exists(file)) return conflict(file + " exists already");
  TRY(write_file(file, pretty(starting_spec())));
  return 0;
}

}  // namespace

const Command kSpec = {
    "spec", "[flags]", "write a config.json to start from", kSpecFlags, FlagOrder::Anywhere, 0, 0,
    false,  spec};

}  // namespace stack::runtime::oci
