// stack convert --target swarm
#include "base/files.h"
#include "cli/cluster/project_images.h"
#include "cli/cluster/project_load.h"
#include "cli/cluster/report.h"
#include "cli/cluster/swarm/commands.h"
#include "cli/cluster/swarm/swarm_project.h"
#include "cli/render/output.h"

namespace stack::cli::cluster {

namespace swarm = targets::swarm;

Result<int> convert_to_swarm(Session& session, const Arguments& arguments) {
  TRY_ASSIGN(compose::Loaded loaded, load_project(session, arguments.words));
  std::map<std::string, targets::ImageFacts> images = image_facts(session, loaded.project);
  if (arguments.given("push-to")) name_pushed_images(loaded.project, arguments.text("push-to"), images);
  swarm::Conversion conversion = convert_offline(loaded, std::move(images));
  if (arguments.given("report")) return print_report(session, conversion.report, arguments.text("report"));
  warn_of_losses(session, conversion.report);
  if (arguments.is_set("strict")) TRY(refuse_losses(conversion.report));
  std::string folder = arguments.text("output");
  if (folder.empty()) {
    print(swarm::object_list(conversion));
    return 0;
  }
  for (const swarm::ObjectFile& file : swarm::object_files(conversion)) {
    std::string path = absolute_path(session.current_directory(), folder) + "/" + file.path;
    TRY(ensure_directory(directory_name(path)));
    TRY(write_output_file(path, file.text));
  }
  print_counts(conversion.objects.size(), conversion.report);
  return 0;
}

}  // namespace stack::cli::cluster
