import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "out/", "src/rpc.ts", "*.mjs"] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      "@typescript-eslint/explicit-function-return-type": ["error", { allowExpressions: true }],
      "@typescript-eslint/no-floating-promises": [
        "error",
        { allowForKnownSafeCalls: [{ from: "package", package: "node:test", name: ["test", "after"] }] },
      ],
      "@typescript-eslint/require-await": "off", // what others await may have nothing to wait for
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    },
  },
);
