import * as vscode from "vscode";
import { same } from "./look";
import type { WorkloadAddress } from "./node";

const key = "favourites";

/** The workloads that the user has marked, in all windows. */
export class Favourites implements vscode.Disposable {
  private readonly changed = new vscode.EventEmitter<void>();
  readonly onChange = this.changed.event;

  constructor(private readonly state: vscode.Memento) {}

  dispose(): void {
    this.changed.dispose();
  }

  get list(): readonly WorkloadAddress[] {
    return this.state.get<WorkloadAddress[]>(key, []);
  }

  async add(address: WorkloadAddress): Promise<void> {
    await this.set([...this.list.filter((one) => !same(one, address)), address]);
  }

  async remove(address: WorkloadAddress): Promise<void> {
    await this.set(this.list.filter((one) => !same(one, address)));
  }

  private async set(list: readonly WorkloadAddress[]): Promise<void> {
    await this.state.update(
      key,
      list.map(({ place: { context, namespace }, key }) => ({ place: { context, namespace }, key })),
    );
    this.changed.fire();
  }
}
