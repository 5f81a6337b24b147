// A temporary project directory, and the conversion of its files; shared by all targets.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/compose/places.h"

namespace stack::targets {

// "lost compose.yaml:5:7 why"; `report` is a conversion's.
template <typename Report>
std::string verdict_in(const Report& report, const std::string& key) {
  for (const auto& one : report.keys)
    if (one.key == key)
      return std::string(to_text(one.verdict.level)) + " " + one.place + " " + one.verdict.note;
  return "not in the report";
}

template <typename Conversion, typename ConvertInputs>
class ConversionTest : public testing::Test {
 protected:
  ConversionTest() : directory_(std::move(*TemporaryDirectory::create("/tmp/conversion-test-"))) {
    options.current_directory = directory_.path();
    options.project_name = "p";
    options.refuse = false;  // targets may support what the local engine does not
  }

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) {
    ASSERT_TRUE(ensure_directory(directory_name(path(name))));
    ASSERT_TRUE(write_file(path(name), text, mode));
  }

  // The conversion of compose.yaml with this text.
  const Conversion& convert_text(const std::string& text) {
    write("compose.yaml", text);
    auto loaded = compose::load(options);
    if (!loaded) {
      ADD_FAILURE() << compose::render(loaded.error());
      return conversion;
    }
    inputs.place = [&](const std::string& pointer) { return compose::place_of(*loaded, pointer); };
    conversion = convert(loaded->project, inputs);
    return conversion;
  }

  std::string verdict(const std::string& key) const { return verdict_in(conversion.report, key); }

  compose::LoadOptions options;
  ConvertInputs inputs;
  Conversion conversion;

 private:
  TemporaryDirectory directory_;
};

}  // namespace stack::targets
