// list: the containers below --root.
#include "runtime/oci/log.h"
#include "runtime/oci/output.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

constexpr Flag kListFlags[] = {
    {"format", 'f', FlagKind::Text, "FORMAT", "table (default) or json"},
    {"quiet", 'q', FlagKind::Switch, "", "print only IDs"},
};

std::string as_table(const OrderedJson& containers) {
  std::vector<std::vector<std::string>> rows{{"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"}};
  for (const OrderedJson& one : containers) {
    Json item = one;
    rows.push_back({string_or(item, "id"), std::to_string(int_or(item, "pid")), string_or(item, "status"),
                    string_or(item, "bundle"), string_or(item, "created"), string_or(item, "owner")});
  }
  return table(rows);
}

Result<int> list(const GlobalOptions& global, const Arguments& arguments) {
  std::string format = arguments.text("format", "table");
  if (format != "table" && format != "json")
    return invalid("--format must be table or json, not \"" + format + "\"");
  TRY_ASSIGN(std::vector<std::string> ids, list_containers(global.root));
  OrderedJson containers = OrderedJson::array();
  std::string names;
  for (const std::string& id : ids) {
    Result<FoundContainer> container = find_container(global.root, id);
    // A container that is removed meanwhile, or damaged, must not hide the others.
    if (!container && container.error().kind() == ErrorKind::NotFound) continue;
    if (!container) {
      log(Level::Warning, container.error().text());
      continue;
    }
    containers.push_back(state_document(container->state, container->status));
    names += id + "\n";
  }
  if (arguments.is_set("quiet")) {
    TRY(print(names));
  } else {
    TRY(print(format == "json" ? containers.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + "\n"
                               : as_table(containers)));
  }
  return 0;
}

}  // namespace

const Command kList = {"list", "[flags]", "list containers", kListFlags, FlagOrder::Anywhere, 0, 0,
                       false,  list};

}  // namespace stack::runtime::oci
