// state: the specification's state document.
#include "runtime/oci/output.h"
#include "runtime/oci/state.h"

namespace stack::runtime::oci {

namespace {

Result<int> state(const GlobalOptions& global, const Arguments& arguments) {
  TRY_ASSIGN(FoundContainer container, find_container(global.root, arguments.words().front()));
  TRY(print(pretty(state_document(container.state, container.status))));
  return 0;
}

}  // namespace

const Command kState = {"state", "ID", "print the state of a container", {}, FlagOrder::Anywhere, 1, 1,
                        false,   state};

}  // namespace stack::runtime::oci
