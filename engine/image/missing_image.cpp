#include "engine/image/missing_image.h"

namespace stack::engine {

using images::registry::Failure;

Result<images::Image> obtain_image(RegistryService& registries, images::ImageStore& store,
                                   const RegistryService::Wanted& wanted,
                                   const images::registry::TransferProgress& progress,
                                   const images::ProgressLine& line, std::stop_token stop) {
  Pulled pulled = registries.pull_blocking(wanted, progress, stop);
  if (pulled) return std::move(pulled->image);
  Error& error = pulled.error().error;
  Result<Reference> reference = parse_reference(wanted.reference);
  bool can_be_made = reference && wanted.platform.empty() && images::bootstrap_suite(*reference).has_value();
  if (pulled.error().failure != Failure::Unreachable || !can_be_made) return std::move(error);
  line("cannot reach registry " + reference->domain + "; creating " + reference->familiar() +
       " from this host's package sources");
  images::BootstrapOptions options;
  options.stop = stop;
  Result<images::Image> made = images::bootstrap(store, *reference, options, line);
  if (!made && made.error().kind() != ErrorKind::Canceled)
    return std::move(error).in("creating it from package sources failed as well (" + made.error().text() +
                               ")");
  return made;
}

}  // namespace stack::engine
