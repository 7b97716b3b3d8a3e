/** An example of a family in a jar of its own: on the module path it adds its models. */
module dev.lamina.example.family {
  requires dev.lamina.models;

  provides dev.lamina.models.ModelFamily with
      dev.lamina.example.family.ExampleFamily;
}
