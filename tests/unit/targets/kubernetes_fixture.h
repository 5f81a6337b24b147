// A temporary project directory, and helpers that convert its files.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "orchestrator/compose/load.h"
#include "orchestrator/compose/places.h"
#include "orchestrator/targets/kubernetes/convert.h"
#include "orchestrator/targets/kubernetes/object_files.h"

namespace stack::targets::kubernetes {

class KubernetesTest : public testing::Test {
 protected:
  KubernetesTest() : directory_(std::move(*TemporaryDirectory::create("/tmp/kubernetes-test-"))) {
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

  // The object's YAML; fails the test if there is none.
  std::string object(const std::string& kind, const std::string& name) {
    for (const KubeObject& candidate : conversion.objects)
      if (candidate.kind == kind && candidate.name == name) return yaml_of(candidate.body);
    ADD_FAILURE() << "no " << kind << " " << name << " in: " << names();
    return "";
  }
  OrderedJson body(const std::string& kind, const std::string& name) {
    for (const KubeObject& candidate : conversion.objects)
      if (candidate.kind == kind && candidate.name == name) return candidate.body;
    ADD_FAILURE() << "no " << kind << " " << name << " in: " << names();
    return OrderedJson::object();
  }
  OrderedJson pod(const std::string& kind, const std::string& name) {
    OrderedJson whole = body(kind, name);
    return whole.contains("spec") ? whole["spec"]["template"]["spec"] : OrderedJson::object();
  }
  OrderedJson container(const std::string& kind, const std::string& name) {
    OrderedJson spec = pod(kind, name);
    return spec.contains("containers") ? spec["containers"][0] : OrderedJson::object();
  }
  // "Service/web Deployment/web", in the order of creation.
  std::string names() const {
    std::string out;
    for (const KubeObject& one : conversion.objects)
      out += (out.empty() ? "" : " ") + one.kind + "/" + one.name;
    return out;
  }
  // "lost services.web.ulimits.nofile compose.yaml:5:7"
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

}  // namespace stack::targets::kubernetes
