#include "orchestrator/compose/config_output.h"
namespace stack::compose {
std::string config_yaml(const Loaded&) { return {}; }
}  // namespace stack::compose
