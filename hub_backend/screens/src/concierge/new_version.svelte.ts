// A new version of this page is offered, never forced: it waits in the service worker until someone taps.

export const newVersion = $state<{ waiting: ServiceWorker | null }>({ waiting: null });

export function watchForNewVersion(): void {
  if (!("serviceWorker" in navigator)) return; // plain http on another machine than this one
  void navigator.serviceWorker.register("/sw.js").then((registration) => {
    const offer = (worker: ServiceWorker | null): void => {
      if (worker && navigator.serviceWorker.controller) newVersion.waiting = worker;
    };
    offer(registration.waiting);
    registration.addEventListener("updatefound", () => {
      const worker = registration.installing;
      worker?.addEventListener("statechange", () => {
        if (worker.state === "installed") offer(worker);
      });
    });
  });
}

export function takeNewVersion(): void {
  navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
  newVersion.waiting?.postMessage("take over");
}
