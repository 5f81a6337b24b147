// stack convert --target kubernetes
#include "base/files.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/kubernetes/project_objects.h"
#include "cli/cluster/report.h"
#include "cli/render/output.h"
#include "orchestrator/targets/kubernetes/object_files.h"

namespace stack::cli::cluster {

namespace kube = targets::kubernetes;

namespace {

Result<> write_files(const std::string& folder, const std::vector<kube::ObjectFile>& files) {
  for (const kube::ObjectFile& file : files) {
    std::string path = folder + "/" + file.path;
    TRY(ensure_directory(directory_name(path)));
    TRY(write_file_atomic(path, file.text));
  }
  return {};
}

// Images that the project builds get the name that `deploy --push-to` gives them, without the digest.
void name_pushed_images(const compose::Project& project, const std::string& registry,
                        std::map<std::string, kube::ImageFacts>& images) {
  for (const auto& [name, service] : project.services) {
    if (!service.build) continue;
    std::string image = compose::image_name(project, service);
    images[image].reference = pushed_name(registry, image);
  }
}

}  // namespace

std::string pushed_name(const std::string& registry, const std::string& image) {
  std::string path = image;
  size_t slash = path.find('/');
  std::string host = slash == std::string::npos ? "" : path.substr(0, slash);
  if (host.find_first_of(".:") != std::string::npos || host == "localhost") path.erase(0, slash + 1);
  std::string prefix = registry;
  while (prefix.ends_with("/")) prefix.pop_back();
  return prefix + "/" + path;
}

Result<int> convert_to_kubernetes(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(compose::Loaded loaded, load_project(session, arguments.words));
  std::map<std::string, kube::ImageFacts> images = image_facts(session, loaded.project);
  if (arguments.given("push-to")) name_pushed_images(loaded.project, arguments.text("push-to"), images);
  kube::Conversion conversion = convert_project(loaded, std::move(images), arguments.text("arch"));
  if (arguments.given("report")) return print_report(session, conversion.report, arguments.text("report"));
  warn_of_losses(session, conversion.report);
  if (arguments.is_set("strict")) TRY(refuse_losses(conversion.report));
  std::string folder = arguments.text("output");
  if (folder.empty()) {
    print(kube::object_stream(conversion));
    if (!conversion.gates.empty())
      print_message("not printed: " + std::to_string(conversion.gates.size()) +
                    " names that must be created once Jobs have finished (-o DIR writes them to DIR/gates)");
    return 0;
  }
  TRY(write_files(absolute_path(session.current_directory(), folder), kube::object_files(conversion)));
  print_message(std::to_string(conversion.objects.size()) + " objects; " +
                std::to_string(conversion.report.count(targets::Fidelity::Exact)) + " keys exact, " +
                std::to_string(conversion.report.count(targets::Fidelity::Adapted)) + " adapted, " +
                std::to_string(conversion.report.count(targets::Fidelity::Lost)) +
                " lost (--report table lists them)");
  return 0;
}

}  // namespace stack::cli::cluster
