import * as vscode from "vscode";
import { ofSession, shortName, type Target, targetOf, targetParams } from "../model/target";
import type { World } from "../model/world";
import type * as rpc from "../rpc";
import { editor, settings } from "../settings";
import type { Folders } from "../folders";
import { chooseFolder, goOn, offerFolder } from "./elsewhere";
import type { Work } from "./work";

/** The hammer: green starts dev mode, red ends it. */
export class Hammer {
  constructor(
    private readonly work: Work,
    private readonly world: World,
    private readonly folders: Folders,
    private readonly current: () => rpc.Session | undefined,
  ) {}

  /** Starts dev mode; a mode that is not given is the config's, or that of the kind. */
  async start(argument: unknown, more: Partial<rpc.Start> = {}): Promise<rpc.Session | undefined> {
    const target = await this.startable(targetOf(argument));
    if (!target) {
      return undefined;
    }
    const name = shortName(target.workload) || vscode.l10n.t("this folder's workload");
    const params = { ...targetParams({ ...target, session: undefined }, editor()), ...settings.start(), ...more };
    const outcome = await this.work.do(vscode.l10n.t("Dev mode of {0}", name), "dev.start", params);
    const session = outcome.kind === "done" ? outcome.result : undefined;
    if (session) {
      void goOn(session); // a message that no one answers keeps nothing waiting
    }
    return session;
  }

  /** Opens the folder that a workload of the user's is synced with. */
  async openFolder(argument: unknown): Promise<void> {
    const { place, workload, session: id } = this.endable(targetOf(argument));
    const session = place && id ? this.world.session(place, id) : undefined;
    if (session?.folder) {
      await offerFolder(session, session.folder);
    } else {
      const name = shortName(workload);
      await vscode.window.showInformationMessage(vscode.l10n.t("nhctl does not know the folder of {0}.", name));
    }
  }

  /** Puts on the clipboard who has a workload, to ask them. */
  async copyHolder(argument: unknown): Promise<void> {
    const { place, workload } = targetOf(argument);
    const holder = place && workload ? this.world.workloads(place).map.get(workload)?.sessions?.[0]?.holder : undefined;
    if (holder) {
      await vscode.env.clipboard.writeText([holder.local, holder.user].filter(Boolean).join(" · "));
    }
  }

  async startCopy(argument: unknown): Promise<void> {
    await this.start(argument, { mode: "duplicate" });
  }

  /** Starts with what the user chooses: container, image, folder. */
  async startWith(argument: unknown): Promise<void> {
    const target = targetOf(argument);
    const container = await this.chooseContainer(target);
    if (container === undefined) {
      return;
    }
    const image = await vscode.window.showInputBox({
      title: vscode.l10n.t("Dev image"),
      prompt: vscode.l10n.t("Leave it empty for the image of the config."),
      placeHolder: "ghcr.io/nhctl/dev-go:latest",
      ignoreFocusOut: true,
    });
    if (image === undefined) {
      return;
    }
    const folder = await chooseFolder();
    if (folder !== undefined) {
      await this.start({ ...target, container, folder }, { ...(image.trim() && { image: image.trim() }), folder });
    }
  }

  /** Ends dev mode. nhctl asks first where only the pod has something. */
  async end(argument: unknown): Promise<void> {
    const target = this.endable(targetOf(argument));
    const name = shortName(target.workload) || vscode.l10n.t("this folder's workload");
    await this.work.do(vscode.l10n.t("End dev mode of {0}", name), "dev.end", targetParams(target, editor()));
  }

  async endAbandoned(argument: unknown): Promise<void> {
    const target = this.endable(targetOf(argument));
    const params = { ...targetParams(target, editor()), abandoned: true };
    await this.work.do(
      vscode.l10n.t("End the abandoned session of {0}", shortName(target.workload)),
      "dev.end",
      params,
    );
  }

  /** The target with its session, where there is one that counts. */
  private endable(target: Target): Target {
    if (target.session) {
      return target;
    }
    const current = this.current();
    if (!target.workload) {
      return current ? ofSession(current) : target;
    }
    const { place, workload } = target;
    const sessions = place && this.world.workloads(place).map.get(workload)?.sessions;
    const session = sessions?.find((one) => one.mine) ?? sessions?.[0];
    return { ...target, session: session?.id };
  }

  /** The target with the folder whose config describes it; the user chooses where nothing says it. */
  private async startable(target: Target): Promise<Target | undefined> {
    if (target.folder) {
      return target;
    }
    const services = await this.folders.read();
    const folder = services.find((service) => service.workload === target.workload)?.folder;
    const open = vscode.workspace.workspaceFolders ?? [];
    if (folder || (open.length === 1 && open[0]?.uri.scheme === "file")) {
      return { ...target, folder: folder ?? open[0]?.uri.fsPath };
    }
    const chosen = await chooseFolder();
    return chosen === undefined ? undefined : { ...target, folder: chosen };
  }

  /** A container, "" for the config's; undefined if the user goes away. */
  private async chooseContainer({ place, workload, container }: Target): Promise<string | undefined> {
    const all = (place && workload && this.world.workloads(place).map.get(workload)?.containers) || [];
    if (container !== undefined || all.length < 2) {
      return container ?? "";
    }
    const picked = await vscode.window.showQuickPick(
      all.map(({ name, image }) => ({ label: name, description: image })),
      { title: vscode.l10n.t("Container to develop"), ignoreFocusOut: true },
    );
    return picked?.label;
  }
}
