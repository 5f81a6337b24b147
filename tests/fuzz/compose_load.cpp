// A complete Compose file: parsed, merged with itself as its own override, resolved, printed, and loaded again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "orchestrator/compose/config_output.h"

using namespace stack;

namespace {

// The directory of the input, shared by all runs.
const std::string& directory() {
  static const std::string path = TemporaryDirectory::create("/tmp/fuzz-compose-")->release();
  return path;
}

compose::LoadOptions options_for(const std::string& file) {
  compose::LoadOptions options;
  options.current_directory = directory();
  options.project_name = "fuzz";
  options.files = {file};
  options.environment = {{"SET", "value"}, {"EMPTY", ""}, {"HOME", "/root"}};
  options.profiles = {"*"};
  options.refuse = false;
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  std::string text(reinterpret_cast<const char*>(bytes), size);
  if (!write_file(directory() + "/compose.yaml", text)) return 0;
  compose::LoadOptions options = options_for("compose.yaml");
  options.files.push_back("compose.yaml");
  auto loaded = compose::load(options);
  if (!loaded) {
    compose::render(loaded.error());
    return 0;
  }
  std::string wire = to_text(compose::project_to_json(loaded->project));
  auto json = parse_json(wire);
  if (!json || !compose::project_from_json(*json)) std::abort();
  compose::list_origins(*loaded);
  std::string printed = compose::config_yaml(*loaded);
  if (!write_file(directory() + "/again.yaml", printed)) return 0;
  auto again = compose::load(options_for("again.yaml"));
  if (!again) {
    // The output must be readable again.
    (void)write_all(2, printed + compose::render(again.error()));
    std::abort();
  }
  return 0;
}
