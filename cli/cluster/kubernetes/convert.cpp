// stack convert --target kubernetes
#include "base/files.h"
#include "cli/cluster/kubernetes/commands.h"
#include "cli/cluster/kubernetes/project_objects.h"
#include "cli/cluster/project_images.h"
#include "cli/cluster/project_load.h"
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
    TRY(write_output_file(path, file.text));
  }
  return {};
}

}  // namespace

Result<int> convert_to_kubernetes(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(compose::Loaded loaded, load_project(session, arguments.words));
  std::map<std::string, targets::ImageFacts> images = image_facts(session, loaded.project);
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
  print_counts(conversion.objects.size(), conversion.report);
  return 0;
}

}  // namespace stack::cli::cluster
