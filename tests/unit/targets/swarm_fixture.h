// A temporary project directory, and helpers that convert its files for a swarm.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/compose/places.h"
#include "orchestrator/targets/swarm/convert.h"

namespace stack::targets::swarm {

class SwarmConversionTest : public testing::Test {
 protected:
  SwarmConversionTest() : directory_(std::move(*TemporaryDirectory::create("/tmp/swarm-test-"))) {
    options.current_directory = directory_.path();
    options.project_name = "p";
    options.refuse = false;  // targets may support what the local engine does not
  }

  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) {
    ASSERT_TRUE(ensure_directory(directory_name(path(name))));
    ASSERT_TRUE(write_file(path(name), text, mode));
  }

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

  OrderedJson body(ObjectKind kind, const std::string& name) const {
    for (const SwarmObject& object : conversion.objects)
      if (object.kind == kind && object.name == name) return object.body;
    ADD_FAILURE() << "no " << to_text(kind) << " " << name << " in: " << names();
    return OrderedJson::object();
  }
  OrderedJson service(const std::string& name) const { return body(ObjectKind::Service, "p_" + name); }
  OrderedJson task(const std::string& name) const { return service(name)["TaskTemplate"]; }
  OrderedJson container(const std::string& name) const { return task(name)["ContainerSpec"]; }
  std::string names() const {
    std::string out;
    for (const SwarmObject& one : conversion.objects)
      out += (out.empty() ? "" : " ") + std::string(to_text(one.kind)) + "/" + one.name;
    return out;
  }
  // "lost compose.yaml:5:7 why"
  std::string verdict(const std::string& key) const {
    for (const KeyFidelity& one : conversion.report.keys)
      if (one.key == key)
        return std::string(to_text(one.verdict.level)) + " " + one.place + " " + one.verdict.note;
    return "not in the report";
  }

  compose::LoadOptions options;
  ConvertInputs inputs;
  Conversion conversion;

 private:
  TemporaryDirectory directory_;
};

}  // namespace stack::targets::swarm
